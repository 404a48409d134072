//! `rowcast account`: people's accounts.

use std::io::Write;

use clap::Subcommand;

use super::{CommandError, database, wait_for};
use crate::{
    accounts::{AccountError, operator},
    config::Config,
    store::{AccountStore, accounts::Account, claim},
};

#[derive(Debug, Subcommand)]
pub(super) enum AccountCommand {
    /// Make an account, and print a link that sets its password
    Create {
        /// The person's e-mail address
        email: String,
        /// The name that others see
        #[arg(long)]
        name: String,
        /// Make the person an administrator
        #[arg(long)]
        admin: bool,
    },
    /// Print a link that sets a new password, once, within 24 hours
    Reset {
        /// The person's e-mail address
        email: String,
    },
    /// Close an account for good; the person is signed out everywhere within a second
    Close {
        /// The person's e-mail address
        email: String,
    },
    /// Print all accounts
    List {
        /// Print them as JSON
        #[arg(long)]
        json: bool,
    },
    /// Make somebody an administrator
    Admin {
        /// The person's e-mail address
        email: String,
        /// End it instead; the person has to sign in again
        #[arg(long)]
        off: bool,
    },
}

/// Does it.
pub(super) fn run(
    config: &Config,
    asked: AccountCommand,
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    let words = wait_for(async {
        let store = database::open(config).await?;
        let done = perform(config, &*std::sync::Arc::clone(&store).accounts(), asked).await;
        store.close().await;
        done.map_err(CommandError::from)
    })??;
    Ok(out.write_all(words.as_bytes())?)
}

async fn perform(
    config: &Config,
    store: &dyn AccountStore,
    asked: AccountCommand,
) -> Result<String, AccountError> {
    Ok(match asked {
        AccountCommand::Create { email, name, admin } => {
            link(config, &operator::create(store, &email, &name, admin).await?)
        }
        AccountCommand::Reset { email } => link(config, &operator::reset(store, &email).await?),
        AccountCommand::Close { email } => {
            let account = operator::close(store, &email).await?;
            format!("the account of {} ({}) is closed\n", account.name, account.email)
        }
        AccountCommand::List { json } => {
            let accounts = operator::list(store).await?;
            if json { as_json(&accounts) } else { as_table(&accounts) }
        }
        AccountCommand::Admin { email, off } => {
            operator::set_admin(store, &email, !off).await?;
            let what = if off { "no administrator any more" } else { "an administrator" };
            format!("{email} is {what}\n")
        }
    })
}

/// The code stands in the fragment, which browsers do not send.
fn link(config: &Config, code: &str) -> String {
    let url = config.server.public_url.clone();
    // The hub that runs may have been told another address than this command.
    let address = || claim::running_at(config).unwrap_or(config.server.listen);
    let url = url.unwrap_or_else(|| format!("http://{}", address()));
    format!("{}/#reset={code}\n", url.trim_end_matches('/'))
}

fn as_json(accounts: &[Account]) -> String {
    let items = accounts.iter().map(|account| {
        serde_json::json!({
            "id": account.user, "name": account.name, "email": account.email,
            "admin": account.admin, "closed": account.closed,
            "password": account.password.is_some(),
        })
    });
    format!("{:#}\n", serde_json::Value::Array(items.collect()))
}

fn as_table(accounts: &[Account]) -> String {
    let line = |account: &Account| {
        let marks = [
            (account.admin, "administrator"),
            (account.closed, "closed"),
            (account.password.is_none(), "no password"),
        ];
        let marks: Vec<_> = marks.iter().filter(|(is, _)| *is).map(|(_, mark)| *mark).collect();
        let Account { user, email, name, .. } = account;
        format!("{user:<16}  {email:<32}  {name:<24}  {}", marks.join(", ")).trim_end().to_owned()
            + "\n"
    };
    accounts.iter().map(line).collect()
}
