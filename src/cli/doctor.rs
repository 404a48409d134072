//! The examination: what the store finds, and what can be seen without it.

use std::io::{self, Write};

use serde_json::json;

use super::database;
use crate::{
    auth::{OwnKeys, Verifier},
    config::Config,
    store::{Finding, StoreError, Verdict},
};

/// Looks at the keys and at the database.
pub(super) async fn examine(config: &Config) -> Vec<Finding> {
    let mut findings = vec![keys(config)];
    match of_database(config).await {
        Ok(found) => findings.extend(found),
        Err(error) => findings.push(finding("database", Verdict::Bad, error.to_string())),
    }
    findings
}

async fn of_database(config: &Config) -> Result<Vec<Finding>, StoreError> {
    let store = database::open_as_is(config).await?;
    let found = store.examine().await;
    store.close().await;
    found
}

fn keys(config: &Config) -> Finding {
    // To examine is not to change: no key is made here.
    if config.auth.keys.is_empty() && !config.key_folder().exists() {
        let detail = "none yet; the hub makes one when it starts".to_owned();
        return finding("keys", Verdict::Good, detail);
    }
    let own = match OwnKeys::load(&config.auth, &config.key_folder()) {
        Ok(own) => own,
        Err(error) => return finding("keys", Verdict::Bad, error.to_string()),
    };
    match Verifier::new(&config.auth, &own) {
        Ok(_) => {
            let others = config.auth.issuers.len();
            let detail = format!("{} of our own, {others} other issuers", own.public().len());
            finding("keys", Verdict::Good, detail)
        }
        Err(error) => finding("keys", Verdict::Bad, error.to_string()),
    }
}

fn finding(subject: &str, verdict: Verdict, detail: String) -> Finding {
    Finding { subject: subject.to_owned(), verdict, detail }
}

/// Whether something is broken.
pub(super) fn is_bad(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.verdict == Verdict::Bad)
}

/// A table for people, or a JSON list.
pub(super) fn print(findings: &[Finding], as_json: bool, out: &mut dyn Write) -> io::Result<()> {
    if as_json {
        let list: Vec<_> = findings.iter().map(as_object).collect();
        serde_json::to_writer_pretty(&mut *out, &list)?;
        return writeln!(out);
    }
    let width = findings.iter().map(|finding| finding.subject.chars().count()).max().unwrap_or(0);
    for Finding { subject, verdict, detail } in findings {
        let indented = detail.replace('\n', &format!("\n{:width$}", "", width = width + 11));
        writeln!(out, "{:9}{subject:width$}  {indented}", word(*verdict))?;
    }
    Ok(())
}

fn as_object(finding: &Finding) -> serde_json::Value {
    let Finding { subject, verdict, detail } = finding;
    json!({ "subject": subject, "verdict": word(*verdict), "detail": detail })
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Good => "good",
        Verdict::Doubtful => "doubtful",
        Verdict::Bad => "bad",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_are_a_table_with_room_for_long_words() {
        let findings = [
            finding("keys", Verdict::Good, "one".to_owned()),
            finding("triggers of tasks", Verdict::Bad, "missing\nrun `rowcast migrate`".to_owned()),
        ];
        let mut out = Vec::new();
        print(&findings, false, &mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "good     keys               one\n\
             bad      triggers of tasks  missing\n                            run `rowcast migrate`\n"
        );
        assert!(is_bad(&findings) && !is_bad(&findings[..1]));
    }
}
