//! Where settings come from: the defaults, a file, the environment; each remembers its name.

use figment::{
    Error, Metadata, Profile, Provider,
    providers::{Format as _, Toml},
    value::{Dict, Map, Value},
};

/// Settings of one source.
#[derive(Debug, Clone)]
pub(super) struct Layer {
    /// What people call the source.
    pub(super) name: String,
    /// The settings.
    pub(super) settings: Dict,
}

impl Layer {
    /// The settings of a TOML text.
    pub(super) fn from_toml(name: &str, text: &str) -> Result<Self, String> {
        let mut profiles = Toml::string(text).data().map_err(|error| error.to_string())?;
        let settings = profiles.remove(&Profile::Default).unwrap_or_default();
        Ok(Self { name: name.to_owned(), settings })
    }

    /// One setting of the environment, if the variable is for this program.
    pub(super) fn from_variable(name: &str, text: &str, defaults: &Dict) -> Option<Self> {
        let path = path_of(name).filter(|_| !text.is_empty())?;
        let settings = nested(&path, value_of(text, default_at(defaults, &path)));
        Some(Self { name: format!("the variable {name}"), settings })
    }
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.name.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        Ok(Profile::Default.collect(self.settings.clone()))
    }
}

/// The setting that a variable stands for; `None` if it is none of ours.
fn path_of(name: &str) -> Option<Vec<String>> {
    if name == "DATABASE_URL" {
        return Some(vec!["store".to_owned(), "url".to_owned()]);
    }
    let rest = name.strip_prefix("ROWCAST_").filter(|rest| *rest != "CONFIG")?;
    // Kubernetes gives these to every container beside a service named `rowcast`.
    let injected = rest.starts_with("SERVICE_") || rest == "PORT" || rest.starts_with("PORT_");
    if injected && !rest.contains("__") {
        return None;
    }
    Some(rest.to_ascii_lowercase().split("__").map(str::to_owned).collect())
}

fn default_at<'a>(defaults: &'a Dict, path: &[String]) -> Option<&'a Value> {
    let (last, parents) = path.split_last()?;
    let parent = parents.iter().try_fold(defaults, |dict, key| dict.get(key)?.as_dict())?;
    parent.get(last)
}

/// Text where the default is text, commas between items where it is a list, else as in TOML.
fn value_of(text: &str, default: Option<&Value>) -> Value {
    match default {
        Some(Value::String(..)) => Value::from(text),
        Some(Value::Array(..)) if !text.trim_start().starts_with('[') => {
            Value::from(text.split(',').map(str::trim).map(Value::from).collect::<Vec<_>>())
        }
        _ => parsed(text),
    }
}

fn parsed(text: &str) -> Value {
    match text.parse() {
        Ok(value) => value,
        Err(infallible) => match infallible {},
    }
}

fn nested(path: &[String], value: Value) -> Dict {
    let mut dict = Dict::new();
    if let Some((first, rest)) = path.split_first() {
        let value = if rest.is_empty() { value } else { Value::from(nested(rest, value)) };
        dict.insert(first.clone(), value);
    }
    dict
}
