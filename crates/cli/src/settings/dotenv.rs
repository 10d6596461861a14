//! The form of `.dev.vars`: that of npm's `dotenv`, which wrangler reads it with.

/// The variables, in their order.
pub(crate) fn read(text: &str) -> Vec<(String, String)> {
    let mut variables = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
        let trimmed = line.trim_start();
        let unprefixed = trimmed.strip_prefix("export ").unwrap_or(trimmed);
        let Some((name, value)) = unprefixed.split_once('=').filter(|(name, _)| is_name(name.trim())) else {
            rest = after;
            continue;
        };
        // A value in quotes may go on over several lines.
        let begins = value.trim_start();
        let quoted =
            begins.chars().next().filter(|quote| ['"', '\'', '`'].contains(quote)).and_then(|quote| {
                let body = rest.get(line.len() - begins.len() + 1..)?;
                let end = closing(body, quote)?;
                Some((quote, body.get(..end)?, body.get(end + 1..)?))
            });
        if let Some((quote, body, behind)) = quoted {
            let value = match quote {
                '"' => body.replace("\\n", "\n").replace("\\r", "\r"),
                _ => body.to_owned(),
            };
            variables.push((name.trim().to_owned(), value));
            rest = behind.split_once('\n').map_or("", |(_, next)| next);
        } else {
            // Without quotes it ends where a comment begins.
            let value = value.split('#').next().unwrap_or_default().trim();
            variables.push((name.trim().to_owned(), value.to_owned()));
            rest = after;
        }
    }
    variables
}

/// Where the quote ends that a body began with: not behind a backslash.
fn closing(body: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, letter) in body.char_indices() {
        if letter == quote && !escaped {
            return Some(at);
        }
        escaped = letter == '\\' && !escaped;
    }
    None
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn values_are_read_as_wrangler_reads_them() {
        let text = "# a comment with = in it\nA=1\n B = two words # a comment\nexport C=\"x\\ny\" # z\r\n\
                    D='[{\"path\": \"/#a\"},\n {\"path\": \"/b\"}]'\nE=`a 'b' \"c\"`\nF=\nnot a variable\nG=\"open\nH=8\r\n";
        let read = read(text);
        let expected = [
            ("A", "1"),
            ("B", "two words"),
            ("C", "x\ny"),
            ("D", "[{\"path\": \"/#a\"},\n {\"path\": \"/b\"}]"),
            ("E", "a 'b' \"c\""),
            ("F", ""),
            ("G", "\"open"),
            ("H", "8"),
        ];
        let read: Vec<(&str, &str)> =
            read.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(read, expected);
    }
}
