//! What a deployment of a thousand, a million and a hundred million users does and costs: the tables of docs/reference/scaling.md.
//!
//! `cargo run --example scale` prints them; `cargo run --example scale -- USERS ACTIVE REQUESTS` prints one column for so
//! many users, of whom ACTIVE percent are active on a day, with REQUESTS requests each on such a day.

mod model;

fn main() {
    let numbers: Vec<f64> = std::env::args().skip(1).filter_map(|text| text.parse().ok()).collect();
    match *numbers.as_slice() {
        [users, active, requests] => {
            let habits = model::Habits { active: active / 100.0, requests, ..model::Habits::default() };
            print!("{}", model::tables(&[users], &habits));
        }
        _ => print!("{}", model::tables(&model::SIZES, &model::Habits::default())),
    }
}
