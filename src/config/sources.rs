//! Lays the sources upon each other and finds out where a setting came from.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use figment::{
    Figment,
    error::Kind,
    value::{Dict, Value},
};

use super::{
    Config, ConfigError, DEFAULTS, Problem, Settings, error::words, layer::Layer, line, rules,
};
use crate::store::{
    Declarations,
    declaration::{AccessDeclaration, TableDeclaration},
};

/// The file that is read if none is named.
const FILE: &str = "rowcast.toml";

/// All sources of the settings.
pub(super) struct Sources {
    figment: Figment,
    shipped: Declarations,
    file: Option<File>,
}

struct File {
    name: String,
    text: String,
}

impl Sources {
    pub(super) fn gather(
        file: Option<&Path>,
        variables: &BTreeMap<String, String>,
    ) -> Result<Self, ConfigError> {
        let mut defaults = layer("the defaults", DEFAULTS)?;
        let shipped = shipped(&mut defaults.settings)?;
        let known = defaults.settings.clone();
        let mut figment = Figment::from(defaults);
        let file = find_file(file, variables)?;
        if let Some(file) = &file {
            figment = figment.merge(layer(&file.name, &file.text)?);
        }
        let from_variable =
            |(name, text): (&String, &String)| Layer::from_variable(name, text, &known);
        // In order of their names, so that `ROWCAST_STORE__URL` stands above `DATABASE_URL`.
        figment = variables.iter().filter_map(from_variable).fold(figment, Figment::merge);
        Ok(Self { figment, shipped, file })
    }

    /// The settings, if they can be.
    pub(super) fn settle(self) -> Result<Config, ConfigError> {
        let settings: Settings = self.figment.extract().map_err(|error| self.explain(error))?;
        let config = self.with_shipped_tables(settings);
        let problems: Vec<Problem> = rules::broken(&config)
            .into_iter()
            .map(|(setting, words)| self.problem(setting, words))
            .collect();
        if problems.is_empty() { Ok(config) } else { Err(ConfigError::Wrong(problems)) }
    }

    fn with_shipped_tables(&self, settings: Settings) -> Config {
        let shipped =
            if settings.shipped_tables { self.shipped.clone() } else { Declarations::default() };
        let same_table = |one: &TableDeclaration, other: &TableDeclaration| one.name == other.name;
        let same_kind = |one: &AccessDeclaration, other: &AccessDeclaration| one.kind == other.kind;
        Config {
            server: settings.server,
            store: settings.store,
            limits: settings.limits,
            http: settings.http,
            auth: settings.auth,
            accounts: settings.accounts,
            log: settings.log,
            demo: settings.demo,
            #[cfg(feature = "planted-bugs")]
            bug: settings.bug,
            declarations: Declarations {
                tables: replaced(shipped.tables, settings.tables, same_table),
                access: replaced(shipped.access, settings.access, same_kind),
            },
        }
    }

    fn explain(&self, errors: figment::Error) -> ConfigError {
        let problems = errors.into_iter().map(|error| {
            let mut path = error.path.clone();
            let name = match &error.kind {
                Kind::UnknownField(name, _) => Some(name.as_str()),
                Kind::MissingField(name) => Some(&**name),
                _ => None,
            };
            if let Some(name) = name.filter(|name| path.last().is_none_or(|last| last != name)) {
                path.push(name.to_owned());
            }
            self.problem(path.join("."), words(&error.kind))
        });
        ConfigError::Wrong(problems.collect())
    }

    fn problem(&self, setting: String, words: String) -> Problem {
        Problem { source: self.source_of(&setting), setting, words }
    }

    /// The source that set this, or else the nearest table around it.
    fn source_of(&self, setting: &str) -> String {
        let mut path: Vec<String> = setting.split('.').map(str::to_owned).collect();
        if !self.number(&mut path) {
            return "the defaults".to_owned();
        }
        let metadata = (1..=path.len())
            .rev()
            .find_map(|length| self.figment.find_metadata(&path.get(..length)?.join(".")));
        let name = metadata.map_or("not set", |metadata| &metadata.name);
        let line = self
            .file
            .as_ref()
            .filter(|file| file.name == name)
            .and_then(|file| line::of(&file.text, &path));
        line.map_or_else(|| name.to_owned(), |line| format!("{name}, line {line}"))
    }

    /// Rules call tables and access rules by their names, sources by their place in the list; false
    /// if only the defaults have it.
    fn number(&self, path: &mut [String]) -> bool {
        let [list, item, ..] = path else { return true };
        let label = match list.as_str() {
            "tables" => "name",
            "access" => "kind",
            _ => return true,
        };
        if item.parse::<usize>().is_ok() {
            return true;
        }
        let own = self.figment.find_value(list).ok().and_then(Value::into_array);
        let is_named = |one: &Value| one.find_ref(label).and_then(Value::as_str) == Some(item);
        let place = own.unwrap_or_default().iter().rposition(is_named);
        place.is_some_and(|place| {
            *item = place.to_string();
            true
        })
    }
}

fn layer(name: &str, text: &str) -> Result<Layer, ConfigError> {
    Layer::from_toml(name, text)
        .map_err(|message| ConfigError::Syntax { source_name: name.to_owned(), message })
}

/// Takes the shipped tables out of the defaults; they are merged by name, not as a list.
fn shipped(defaults: &mut Dict) -> Result<Declarations, ConfigError> {
    let wanted = ["tables", "access"];
    let settings = wanted.iter().filter_map(|name| defaults.remove_entry(*name)).collect::<Dict>();
    let layer = Layer { name: "the defaults".to_owned(), settings };
    Figment::from(layer).extract().map_err(|error| ConfigError::Syntax {
        source_name: "the defaults".to_owned(),
        message: error.to_string(),
    })
}

/// The shipped ones that are not replaced, in their order, then the others.
fn replaced<T>(shipped: Vec<T>, own: Vec<T>, same: impl Fn(&T, &T) -> bool) -> Vec<T> {
    let mut all = shipped;
    all.retain(|one| !own.iter().any(|other| same(one, other)));
    all.extend(own);
    all
}

fn find_file(
    named: Option<&Path>,
    variables: &BTreeMap<String, String>,
) -> Result<Option<File>, ConfigError> {
    let of_variable = variables.get("ROWCAST_CONFIG").filter(|path| !path.is_empty());
    let named = named.map(Path::to_owned).or_else(|| of_variable.map(PathBuf::from));
    let path = named.clone().unwrap_or_else(|| PathBuf::from(FILE));
    match fs::read_to_string(&path) {
        Ok(text) => Ok(Some(File { name: path.display().to_string(), text })),
        Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(ConfigError::Unreadable { path, error }),
    }
}
