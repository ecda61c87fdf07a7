//! Adding up what the test runners say.

/// Tests that passed and failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    pub passed: u64,
    pub failed: u64,
}

impl Count {
    pub fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

/// Reads the closing lines of cargo test, vitest and Playwright out of `text`.
pub fn read(text: &str) -> Count {
    let mut total = Count::default();
    for line in text.lines().map(strip_colours) {
        let line = line.trim();
        let counted =
            line.starts_with("test result:") || line.starts_with("Tests ") || is_playwright(line);
        if counted {
            total.passed += before(line, "passed");
            total.failed += before(line, "failed");
        }
    }
    total
}

/// Playwright says `  12 passed (3.4s)` and `  1 failed` on lines of their own.
fn is_playwright(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let number = words
        .next()
        .is_some_and(|word| word.bytes().all(|byte| byte.is_ascii_digit()));
    number
        && matches!(words.next(), Some("passed" | "failed"))
        && words.next().is_none_or(|word| word.starts_with('('))
}

/// The number just before `word`, zero when the line has none.
fn before(line: &str, word: &str) -> u64 {
    let words: Vec<&str> = line
        .split(|c: char| c.is_whitespace() || c == ';' || c == ',' || c == '|')
        .filter(|w| !w.is_empty())
        .collect();
    let pairs = words.windows(2);
    let found = pairs.filter_map(|pair| match pair {
        [number, name] if *name == word => number.parse().ok(),
        _ => None,
    });
    found.fold(0, |_, number| number)
}

fn strip_colours(line: &str) -> String {
    let mut plain = String::new();
    let mut inside = false;
    for c in line.chars() {
        match (inside, c) {
            (false, '\u{1b}') => inside = true,
            (true, 'm') => inside = false,
            (true, _) => {}
            (false, _) => plain.push(c),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::{Count, read};

    #[test]
    fn closing_lines_of_the_three_runners_add_up() {
        let text = "test result: ok. 12 passed; 1 failed; 0 ignored; 0 measured; 3 filtered out\n\
                    \u{1b}[2m      Tests \u{1b}[22m \u{1b}[1m\u{1b}[31m2 failed\u{1b}[39m\u{1b}[22m | \u{1b}[32m30 passed\u{1b}[39m (32)\n  5 passed (3.2s)\n  1 failed\n";
        assert_eq!(
            read(text),
            Count {
                passed: 47,
                failed: 4
            }
        );
    }

    #[test]
    fn prose_is_not_counted() {
        assert_eq!(
            read("5 passed tests were fine\nnothing 3 failed here"),
            Count::default()
        );
    }
}
