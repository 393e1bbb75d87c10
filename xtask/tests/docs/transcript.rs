//! The blocks that show commands: what is typed, and what is shown to follow.

use crate::fences::Fence;

#[derive(Debug, PartialEq)]
pub(crate) struct Step {
    /// The line of the page.
    pub(crate) line: usize,
    pub(crate) command: String,
    /// The output shown; empty if none is.
    pub(crate) output: Vec<String>,
}

/// The commands of a ```` ```sh ```` or ```` ```console ```` block, none of any other.
pub(crate) fn steps(fence: &Fence) -> Vec<Step> {
    let prompted = match fence.language.as_str() {
        "sh" | "bash" | "shell" => false,
        "console" => true,
        _ => return Vec::new(),
    };
    let mut steps: Vec<Step> = Vec::new();
    let mut continued = false;
    for (offset, text) in fence.lines.iter().enumerate() {
        let line = fence.first_line + offset;
        let typed = match text.strip_prefix("$ ") {
            Some(command) if prompted => Some(command),
            _ if prompted => None,
            _ => Some(text.as_str()).filter(|text| !text.trim().is_empty()),
        };
        match (typed, steps.last_mut()) {
            // A line that ends in a backslash goes on, with or without a `> ` before it.
            (_, Some(step)) if continued => {
                step.command.push(' ');
                step.command
                    .push_str(text.strip_prefix("> ").unwrap_or(text).trim());
            }
            (Some(command), _) => {
                steps.push(Step {
                    line,
                    command: command.to_owned(),
                    output: Vec::new(),
                });
            }
            (None, Some(step)) => step.output.push(text.clone()),
            (None, None) => {}
        }
        continued = steps.last_mut().is_some_and(|step| {
            let open = step.output.is_empty() && step.command.ends_with('\\');
            if open {
                step.command.pop();
                step.command.truncate(step.command.trim_end().len());
            }
            open
        });
    }
    for step in &mut steps {
        while step
            .output
            .last()
            .is_some_and(|line| line.trim().is_empty())
        {
            step.output.pop();
        }
    }
    steps
}

/// Whether real output is as shown. Trailing blanks do not count; a line `…` stands for any
/// number of lines.
pub(crate) fn agrees(shown: &[String], real: &[&str]) -> bool {
    match shown {
        [] => real.iter().all(|line| line.trim().is_empty()),
        [gap, rest @ ..] if gap.trim() == "…" => {
            (0..=real.len()).any(|skipped| agrees(rest, &real[skipped..]))
        }
        [line, rest @ ..] => real
            .split_first()
            .is_some_and(|(first, real)| line.trim_end() == first.trim_end() && agrees(rest, real)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fence(language: &str, text: &str) -> Fence {
        let lines = text.lines().map(str::to_owned).collect();
        Fence {
            language: language.to_owned(),
            first_line: 10,
            lines,
        }
    }

    fn step(line: usize, command: &str, output: &[&str]) -> Step {
        let output = output.iter().map(|&line| line.to_owned()).collect();
        Step {
            line,
            command: command.to_owned(),
            output,
        }
    }

    #[test]
    fn a_console_has_prompts_and_output() {
        let console = fence("console", "$ a b\none\n\ntwo\n\n$ c \\\n>   d\n$ e\n");
        assert_eq!(
            steps(&console),
            [
                step(10, "a b", &["one", "", "two"]),
                step(15, "c d", &[]),
                step(17, "e", &[])
            ]
        );
    }

    #[test]
    fn in_sh_every_line_is_typed() {
        let sh = fence("sh", "# why\na \\\n  --b\n\nc\n");
        assert_eq!(
            steps(&sh),
            [
                step(10, "# why", &[]),
                step(11, "a --b", &[]),
                step(14, "c", &[])
            ]
        );
        assert_eq!(steps(&fence("yaml", "a: b\n")), []);
    }

    #[test]
    fn output_agrees_up_to_gaps_and_trailing_blanks() {
        let shown = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        assert!(agrees(&shown("a\nb"), &["a  ", "b", ""]));
        assert!(agrees(&shown("a\n…\nd"), &["a", "b", "c", "d"]));
        assert!(agrees(&shown("a\n…"), &["a"]));
        assert!(!agrees(&shown("a"), &["a", "b"]));
        assert!(!agrees(&shown("a\n…\nd"), &["a", "b"]));
        assert!(!agrees(&shown("a…"), &["a", "b"]));
    }
}
