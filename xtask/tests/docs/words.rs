//! A command line as words, as far as a documented command needs a shell.

#[derive(Debug, Default, PartialEq)]
pub(crate) struct Line {
    pub(crate) words: Vec<String>,
    /// What follows an unquoted `#`.
    pub(crate) comment: String,
}

/// Splits a line as a shell would. What only a shell can do (pipes, redirections, expansion) is
/// refused: the test runs commands, not scripts.
pub(crate) fn split(line: &str) -> Result<Line, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = line.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '#' if word.is_none() => {
                let comment = line[at + 1..].trim().to_owned();
                return Ok(Line { words, comment });
            }
            c if c.is_whitespace() => words.extend(word.take()),
            '\'' | '"' => {
                let quoted = word.get_or_insert_default();
                loop {
                    match chars.next() {
                        Some((_, end)) if end == c => break,
                        Some((_, '\\')) if c == '"' => quoted.extend(chars.next().map(|(_, c)| c)),
                        Some((_, '$' | '`')) if c == '"' => return Err(shell(line)),
                        Some((_, inner)) => quoted.push(inner),
                        None => return Err(format!("a quote is not closed in `{line}`")),
                    }
                }
            }
            '\\' => word
                .get_or_insert_default()
                .extend(chars.next().map(|(_, c)| c)),
            '|' | '&' | ';' | '<' | '>' | '$' | '`' | '(' | ')' | '*' => return Err(shell(line)),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Ok(Line {
        words,
        comment: String::new(),
    })
}

fn shell(line: &str) -> String {
    format!("`{line}` needs a shell (a pipe, a redirection, an expansion); show a plain command")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_escapes_and_comments() {
        let line = split(r#"landbridge explain 'a b' "c \"d\"" e\ f a#b  # exit 1"#).unwrap();
        assert_eq!(
            line.words,
            ["landbridge", "explain", "a b", "c \"d\"", "e f", "a#b"]
        );
        assert_eq!(line.comment, "exit 1");
        assert_eq!(split("# only a comment").unwrap().words, [""; 0]);
        assert_eq!(split("x ''").unwrap().words, ["x", ""]);
    }

    #[test]
    fn what_needs_a_shell_is_refused() {
        for line in [
            "a | b",
            "a > b",
            "a && b",
            "echo $HOME",
            "echo \"$HOME\"",
            "ls *",
            "a 'b",
        ] {
            assert!(split(line).is_err(), "{line}");
        }
    }
}
