//! The processes of a stack, found by their parents.

use std::collections::HashMap;
use std::process::Command;

use crate::stack::Stack;

/// A running process.
#[derive(Debug, Clone)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    pub(crate) command: String,
}

/// All descendants of the stack's own process.
pub(crate) fn descendants(stack: &Stack) -> Vec<Process> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Ok(pid) = entry.file_name().to_string_lossy().parse::<u32>() else {
            continue;
        };
        if let Some(parent) = parent(pid) {
            children.entry(parent).or_default().push(pid);
        }
    }
    let mut found = Vec::new();
    let mut queue = vec![stack.pid()];
    while let Some(pid) = queue.pop() {
        for child in children.remove(&pid).unwrap_or_default() {
            queue.push(child);
            found.push(Process {
                pid: child,
                command: command(child),
            });
        }
    }
    found
}

/// The descendants whose program has this name, with everything they started.
pub(crate) fn named(stack: &Stack, program: &str) -> Vec<Process> {
    let is = |p: &Process| {
        let first = p.command.split(['\0', ' ']).next().unwrap_or_default();
        first.trim_end_matches(':').rsplit('/').next() == Some(program)
    };
    descendants(stack).into_iter().filter(is).collect()
}

pub(crate) fn signal(processes: &[Process], signal: &str) {
    for process in processes {
        drop(
            Command::new("kill")
                .args(["-s", signal, &process.pid.to_string()])
                .status(),
        );
    }
}

fn parent(pid: u32) -> Option<u32> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("PPid:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

fn command(pid: u32) -> String {
    let bytes = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}
