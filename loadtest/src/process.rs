//! What a process used, as the kernel counts it.

use std::{fs, io, time::Duration};

use serde::Serialize;

/// A running process, usually the hub.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Process {
    pid: u32,
}

/// Memory of a process, bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Memory {
    /// Pages in memory.
    pub(crate) rss: u64,
    /// The same, pages shared with others counted in proportion.
    pub(crate) pss: u64,
}

impl Process {
    /// The process with this id.
    pub(crate) fn new(pid: u32) -> Self {
        Self { pid }
    }

    /// This program.
    pub(crate) fn own() -> Self {
        Self::new(std::process::id())
    }

    /// CPU time used so far, by user and kernel, in ticks of the kernel's clock (10 ms).
    pub(crate) fn cpu(self) -> io::Result<Duration> {
        let stat = self.read("stat")?;
        let ticks = cpu_ticks(&stat).ok_or_else(|| malformed("stat"))?;
        let per_second = rustix::param::clock_ticks_per_second().max(1);
        Ok(Duration::from_secs_f64(ticks as f64 / per_second as f64))
    }

    /// Pages in memory, bytes; costs the process nothing.
    pub(crate) fn rss(self) -> io::Result<u64> {
        let statm = self.read("statm")?;
        let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
        let page = rustix::param::page_size() as u64;
        pages.map(|pages| pages * page).ok_or_else(|| malformed("statm"))
    }

    /// Memory in use.
    pub(crate) fn memory(self) -> io::Result<Memory> {
        let rollup = self.read("smaps_rollup")?;
        let field = |name| kilobytes(&rollup, name).ok_or_else(|| malformed("smaps_rollup"));
        Ok(Memory { rss: field("Rss:")? * 1024, pss: field("Pss:")? * 1024 })
    }

    fn read(self, file: &str) -> io::Result<String> {
        let path = format!("/proc/{}/{file}", self.pid);
        fs::read_to_string(&path)
            .map_err(|error| io::Error::new(error.kind(), format!("{path}: {error}")))
    }
}

fn malformed(file: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("/proc/PID/{file} is not as expected"))
}

/// utime and stime, fields 14 and 15. The name in field 2 may hold anything but ends with `)`.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(") ")?;
    let mut fields = after_name.split(' ').skip(11).map(str::parse::<u64>);
    Some(fields.next()?.ok()? + fields.next()?.ok()?)
}

fn kilobytes(rollup: &str, name: &str) -> Option<u64> {
    let line = rollup.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_found_behind_a_name_with_brackets_and_spaces() {
        let stat = "12 (a) b) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20 0";
        assert_eq!(cpu_ticks(stat), Some(300));
    }

    #[test]
    fn this_program_uses_memory() {
        let memory = Process::own().memory().unwrap();
        assert!(memory.rss >= memory.pss && memory.pss > 100 * 1024, "{memory:?}");
        assert!(Process::own().rss().unwrap() > 100 * 1024);
        assert!(Process::own().cpu().is_ok());
    }

    #[test]
    fn a_process_that_is_not_there_is_an_error_that_names_the_file() {
        let error = Process::new(u32::MAX).cpu().unwrap_err();
        assert!(error.to_string().contains("/stat"), "{error}");
    }
}
