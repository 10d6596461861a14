//! `postern tail`: the log's events as they happen, one line each.
//!
//! The log comes from `npx wrangler tail --format json`, which has its own sign-in: this program takes no token of
//! Cloudflare's. [`reader`] takes the stream apart, [`filter`] chooses events by [`names`] and ids, [`line`] writes them for people.

mod filter;
mod line;
mod names;
mod reader;

use self::{
    filter::Filter,
    reader::{Item, Reader},
};
use crate::{
    context::{Context, print},
    failure::Failure,
    host::{self, LogSource},
    named_user,
    report::Report,
};
use serde_json::json;

/// What starts the log, as the operator would.
const PROGRAM: &str = "npx";
const WORDS: [&str; 4] = ["wrangler", "tail", "--format", "json"];

/// Which events to show.
#[derive(Debug, clap::Args)]
pub(crate) struct Tail {
    #[command(flatten)]
    filter: Filter,
    /// Leave out the lines of the log that are no events: exceptions, mistakes of the configuration, messages of wrangler
    #[arg(long)]
    events_only: bool,
    /// What `wrangler tail` takes: the name of the Worker, `-c FILE`, `--env NAME`
    #[arg(last = true, value_name = "WRANGLER")]
    wrangler: Vec<String>,
}

/// Prints until the log ends.
pub(crate) fn run(asked: &Tail, context: &Context) -> Result<Report, Failure> {
    let mut filter = asked.filter.clone();
    filter.name_user(|login| named_user::resolve(&context.admin()?, login))?;
    let piped = asked.wrangler.is_empty() && !host::input_is_terminal();
    let mut source = if piped { LogSource::input() } else { started(&asked.wrangler)? };
    let mut reader = Reader::default();
    loop {
        let bytes = source
            .read()
            .map_err(|error| Failure::unavailable(format!("the log could not be read: {error}")))?;
        let ended = bytes.is_empty();
        let items = if ended { reader.finish() } else { reader.take(&bytes) };
        let mut text = String::new();
        for item in items {
            if let Some(shown) = shown(&item, &filter, asked.events_only, context.json()) {
                text.push_str(&shown);
                text.push('\n');
            }
        }
        if !text.is_empty() && !print(text.as_bytes())? {
            return Ok(nothing());
        }
        if ended {
            break;
        }
    }
    source
        .end()
        .map_err(|why| Failure::unavailable(format!("`{}` ended: {why}", command(&asked.wrangler))))?;
    Ok(nothing())
}

/// All was printed as it came.
fn nothing() -> Report {
    Report::printed()
}

fn started(words: &[String]) -> Result<LogSource, Failure> {
    let all: Vec<&str> = WORDS.into_iter().chain(words.iter().map(String::as_str)).collect();
    LogSource::program(PROGRAM, &all).map_err(|error| {
        Failure::usage(format!("{error}. Pipe the log in: {} | postern tail", command(words)))
    })
}

fn command(words: &[String]) -> String {
    let mut text = format!("{PROGRAM} {}", WORDS.join(" "));
    for word in words {
        text.push(' ');
        text.push_str(word);
    }
    text
}

/// The item as it is printed, if it is.
fn shown(item: &Item, filter: &Filter, events_only: bool, as_json: bool) -> Option<String> {
    match item {
        Item::Event { members, text } => {
            filter.takes(members).then(|| if as_json { text.clone() } else { line::of(members) })
        }
        Item::Other(_) if events_only => None,
        Item::Other(text) if as_json => Some(json!({ "line": text }).to_string()),
        Item::Other(text) => Some(line::as_it_is(text)),
    }
}

#[cfg(test)]
mod tests;
