//! What the module exports to packages/postern/src/program.ts.

use wasm_bindgen::prelude::wasm_bindgen;

/// Runs the command that the words after the program's name are. The exit code.
#[expect(unreachable_pub, reason = "wasm-bindgen exports public functions alone")]
#[wasm_bindgen]
pub fn run_words(words: Vec<String>) -> u8 {
    crate::run_words(words)
}
