//! Running other programs, loudly.

use std::process::{Command, Stdio};

use anyhow::{Context, ensure};

#[expect(clippy::print_stdout, reason = "a task talks to whoever started it")]
pub fn say(text: &str) {
    println!("{text}");
}

/// A heading in the log, so that a failure is found by scrolling to the last one.
pub fn step(title: &str) {
    say(&format!("\n──── {title}"));
}

/// Runs a program in the workspace, its output passed through.
pub fn run(program: &str, arguments: &[&str]) -> anyhow::Result<()> {
    run_with(program, arguments, &[])
}

pub fn run_with(program: &str, arguments: &[&str], environment: &[(&str, &str)]) -> anyhow::Result<()> {
    let line = format!("{program} {}", arguments.join(" "));
    say(&format!("$ {line}"));
    let status = Command::new(program)
        .args(arguments)
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("cannot start `{program}`"))?;
    ensure!(status.success(), "failed ({status}): {line}");
    Ok(())
}

/// Runs a program for what it prints; what it complains of is passed through.
pub fn output(program: &str, arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start `{program}`"))?;
    ensure!(output.status.success(), "failed ({}): {program} {}", output.status, arguments.join(" "));
    Ok(String::from_utf8(output.stdout)?)
}

/// Runs a program as root in namespaces of its own: a network that is loopback alone, because vpcd listens on
/// every address; `/run/pcscd`, because pcscd has one socket for a machine; and processes, none of which
/// outlives it.
pub fn run_apart(program: &str, arguments: &[&str]) -> anyhow::Result<()> {
    // vpcd's ports are kept from connections that take any.
    const INSIDE: &str = "ip link set lo up \
        && echo 35963-35964 > /proc/sys/net/ipv4/ip_local_reserved_ports \
        && mkdir -p /run/pcscd && mount -t tmpfs tmpfs /run/pcscd && exec \"$@\"";
    let apart =
        ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", INSIDE, "sh"];
    let arguments: Vec<&str> = apart.into_iter().chain([program]).chain(arguments.iter().copied()).collect();
    run("unshare", &arguments)
}

/// Whether a program ends well; its output is dropped.
pub fn succeeds(program: &str, arguments: &[&str]) -> bool {
    Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
