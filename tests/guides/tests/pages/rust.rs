//! The programs on the pages: `src/lib.rs` compiles those of every page, and the longest is a file of its own.

use crate::page::{Page, markdown_files, repository};

const PAGES: &str = include_str!("../../src/lib.rs");

#[test]
fn every_page_with_a_program_is_compiled() {
    let mut pages = markdown_files("docs".as_ref());
    pages.push("README.md".into());
    let mut programs = 0;
    for path in pages {
        let page = Page::read(&path);
        let blocks = page.blocks();
        let rust = blocks.iter().filter(|block| block.language() == "rust");
        let ignored = rust.clone().find(|block| block.info.contains(&"ignore"));
        assert_eq!(ignored, None, "{}", path.display());
        let count = rust.count();
        let included = format!("\"../../../{}\"", path.display());
        assert_eq!(
            count > 0,
            PAGES.contains(&included),
            "tests/guides/src/lib.rs has the pages with programs, and {} has {count}",
            path.display()
        );
        programs += count;
    }
    assert!(programs > 20, "only {programs} programs");
}

#[test]
fn program_of_getting_started_is_the_example() {
    let page = Page::read("docs/getting-started.md".as_ref());
    let example = repository().join("examples/first-service/src/main.rs");
    let example = std::fs::read_to_string(example).unwrap();
    let blocks = page.blocks();
    let rust = blocks.iter().find(|block| block.language() == "rust");
    let (_, program) = example
        .split_once("\n\n")
        .expect("the example begins with a comment");
    assert_eq!(rust.expect("the page has a program").text, program);
}
