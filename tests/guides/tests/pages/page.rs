//! A page and its fenced code blocks.

use std::fs;
use std::path::{Path, PathBuf};

/// A Markdown file.
#[derive(Debug)]
pub(crate) struct Page {
    /// The path, relative to the root of the repository.
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

/// A fenced code block.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Block<'a> {
    /// The words after the fence: the language, and `not-run` or other words, separated by commas.
    pub(crate) info: Vec<&'a str>,
    pub(crate) text: String,
    /// The number of the line after the fence.
    pub(crate) line: usize,
    /// Whether only empty lines are between this block and the previous one.
    pub(crate) follows_another: bool,
}

impl Block<'_> {
    pub(crate) fn language(&self) -> &str {
        self.info.first().copied().unwrap_or_default()
    }
}

impl Page {
    pub(crate) fn read(path: &Path) -> Self {
        let text = fs::read_to_string(repository().join(path));
        Self {
            path: path.to_owned(),
            text: text.unwrap_or_else(|error| panic!("{}: {error}", path.display())),
        }
    }

    pub(crate) fn blocks(&self) -> Vec<Block<'_>> {
        blocks(&self.text)
    }

    /// Returns the lines outside of code blocks.
    pub(crate) fn prose(&self) -> Vec<&str> {
        let mut is_code = false;
        let mut prose = Vec::new();
        for line in self.text.lines() {
            if line.trim_start().starts_with("```") {
                is_code = !is_code;
            } else if !is_code {
                prose.push(line);
            }
        }
        prose
    }
}

fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut blocks: Vec<Block<'_>> = Vec::new();
    let mut is_open = false;
    let mut prose_since_block = true;
    let mut indent = 0;
    for (number, line) in text.lines().enumerate() {
        match (line.trim_start().strip_prefix("```"), is_open) {
            (Some(info), false) => {
                is_open = true;
                indent = line.len() - line.trim_start().len();
                blocks.push(Block {
                    info: info.split(',').map(str::trim).collect(),
                    text: String::new(),
                    line: number + 2,
                    follows_another: !prose_since_block,
                });
            }
            (Some(_), true) => (is_open, prose_since_block) = (false, false),
            (None, true) => {
                let block = blocks.last_mut().expect("a block is open");
                // A block in a list is indented.
                let spaces = line.len() - line.trim_start().len();
                block.text += &line[indent.min(spaces)..];
                block.text.push('\n');
            }
            (None, false) => prose_since_block |= !line.trim().is_empty(),
        }
    }
    assert!(!is_open, "a code block is not closed");
    blocks
}

/// Returns the root of the repository.
pub(crate) fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// Returns the Markdown files in a folder and the folders in it, relative to the root of the repository.
pub(crate) fn markdown_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(repository().join(folder)).unwrap() {
        let path = folder.join(entry.unwrap().file_name());
        if repository().join(&path).is_dir() {
            found.extend(markdown_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[test]
fn blocks_are_found_with_their_languages_and_neighbours() {
    let page = "a\n```sh,not-run\nb\n```\n\n  ```text\n  c\n\n    d\n  ```\nprose\n```text\n```\n";
    let found = blocks(page);
    let found: Vec<_> = found
        .iter()
        .map(|block| {
            (
                &*block.info,
                &*block.text,
                block.line,
                block.follows_another,
            )
        })
        .collect();
    let expected: [(&[&str], _, _, _); 3] = [
        (&["sh", "not-run"], "b\n", 3, false),
        (&["text"], "c\n\n  d\n", 7, true),
        (&["text"], "", 13, false),
    ];
    assert_eq!(found, expected);
}
