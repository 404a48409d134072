//! The machine: what it is, how many files a process may open, which cores it runs on.

use std::fs;

use rustix::{
    process::Pid,
    thread::{CpuSet, sched_getaffinity, sched_setaffinity},
};
use serde::Serialize;

use crate::error::LoadError;

/// Files that are open beside the sockets.
const OTHER_FILES: u64 = 64;

/// What stands in a report about where it was made.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    cpu: String,
    cores: usize,
    memory_bytes: u64,
    kernel: String,
}

impl Machine {
    /// This machine, as far as it tells.
    pub(crate) fn here() -> Self {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        let field = |text: &str, name: &str| {
            let line = text.lines().find(|line| line.starts_with(name));
            line.and_then(|line| line.split_once(':')).map(|(_, value)| value.trim().to_owned())
        };
        let memory = field(&read("/proc/meminfo"), "MemTotal").unwrap_or_default();
        let kilobytes = memory.trim_end_matches(" kB").parse::<u64>().unwrap_or(0);
        Self {
            cpu: field(&read("/proc/cpuinfo"), "model name").unwrap_or_default(),
            cores: read("/proc/cpuinfo").matches("processor\t").count(),
            memory_bytes: kilobytes * 1024,
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
        }
    }
}

/// Makes sure that this process may hold so many sockets.
pub(crate) fn allow_sockets(sockets: usize) -> Result<(), LoadError> {
    let needed = sockets as u64 + OTHER_FILES;
    let allowed = rlimit::increase_nofile_limit(needed.max(1_024))
        .map_err(LoadError::io("cannot raise the limit of open files"))?;
    if allowed < needed { Err(LoadError::OpenFiles { needed, allowed }) } else { Ok(()) }
}

/// Cores to run on, such as `0` or `0-2,5`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Cores(Vec<usize>);

impl std::str::FromStr for Cores {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| {
            let number = text.parse().ok().filter(|core| *core < CpuSet::MAX_CPU);
            number.ok_or_else(|| format!("`{text}` is no core; write `0`, `0,2` or `0-3`"))
        };
        let mut cores = Vec::new();
        for part in text.split(',') {
            match part.split_once('-') {
                Some((first, last)) => cores.extend(number(first)?..=number(last)?),
                None => cores.push(number(part)?),
            }
        }
        Ok(Self(cores))
    }
}

impl Cores {
    /// Keeps the calling thread, and what it starts from now on, on these cores.
    pub(crate) fn pin(&self) -> Result<(), LoadError> {
        let mut set = CpuSet::new();
        self.0.iter().for_each(|core| set.set(*core));
        let no_such =
            |error: rustix::io::Errno| LoadError::Usage(format!("cores {:?}: {error}", self.0));
        sched_setaffinity(None::<Pid>, &set).map_err(no_such)
    }

    /// The cores that the calling thread runs on.
    pub(crate) fn current() -> Option<Self> {
        let set = sched_getaffinity(None::<Pid>).ok()?;
        Some(Self((0..CpuSet::MAX_CPU).filter(|core| set.is_set(*core)).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cores_are_written_as_taskset_does() {
        assert_eq!("0".parse(), Ok(Cores(vec![0])));
        assert_eq!("0-2,5".parse(), Ok(Cores(vec![0, 1, 2, 5])));
        assert!("a".parse::<Cores>().unwrap_err().contains("no core"));
        assert!("99999".parse::<Cores>().is_err());
    }

    #[test]
    fn more_sockets_than_the_system_allows_is_a_clear_error() {
        let error = allow_sockets(usize::MAX >> 8).unwrap_err();
        assert!(error.to_string().contains("ulimit -Hn"), "{error}");
    }

    #[test]
    fn the_machine_knows_itself() {
        let machine = Machine::here();
        assert!(machine.cores > 0 && machine.memory_bytes > 0, "{machine:?}");
    }
}
