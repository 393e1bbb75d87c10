//! Runs a program that cannot outlive its parent: `landbridge-guard PARENT-PID PROGRAM ARG…`.
//!
//! The kernel is asked to kill this process when its parent dies, whatever the
//! parent died of, and then the process becomes the program: the wish survives
//! `exec`. It is a program of its own because asking between `fork` and `exec`
//! would need unsafe code in the harness.

#[cfg(target_os = "linux")]
fn main() {
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    let mut args = std::env::args_os().skip(1);
    let parent = args
        .next()
        .and_then(|pid| pid.to_str()?.parse::<i32>().ok());
    let (Some(parent), Some(program)) = (parent, args.next()) else {
        eprintln!("usage: landbridge-guard PARENT-PID PROGRAM [ARG]...");
        std::process::exit(64);
    };
    if let Err(error) =
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
    {
        eprintln!("landbridge-guard: cannot tie this process to its parent: {error}");
        std::process::exit(71);
    }
    // The parent may have died before the kernel was asked.
    if rustix::process::getppid().map(|pid| pid.as_raw_nonzero().get()) != Some(parent) {
        eprintln!("landbridge-guard: process {parent} is no longer the parent");
        std::process::exit(75);
    }
    let error = Command::new(&program).args(args).exec();
    eprintln!(
        "landbridge-guard: cannot run `{}`: {error}",
        program.display()
    );
    std::process::exit(127);
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("landbridge-guard: only Linux tells a process of its parent's death");
    std::process::exit(69);
}
