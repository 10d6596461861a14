use super::*;

fn line(estimate: &Estimate, item: Item) -> Line {
    *estimate.lines.iter().find(|line| line.price.item == item).unwrap()
}

/// A million calls of a kind, as docs/reference/scaling.md has them: gate requests, other calls, hashes, calls of objects,
/// rows written.
fn million(gate: u64, calls: u64, hashes: u64, objects: u64, rows: u64) -> Amounts {
    const MILLION: u64 = 1_000_000;
    Amounts::counted(gate * MILLION, hashes * MILLION, |unit| {
        MILLION
            * match unit {
                "own_requests" => calls,
                "object_requests" => objects,
                "object_rows_written" => rows,
                _ => 0,
            }
    })
}

/// What they cost if nothing is included.
fn beyond(more: Amounts) -> u64 {
    // So many calls of everything that nothing more is included.
    let full = |unit: &str| if unit == "own_requests" { 0 } else { 1_000_000_000_000 };
    let base = Amounts::counted(1_000_000_000_000, 1_000_000_000, full);
    let both = Amounts(core::array::from_fn(|index| base.0[index] + more.0[index]));
    both.micros() - base.micros()
}

// The page and the program must say the same.
#[test]
fn a_million_calls_cost_what_the_page_on_scaling_says() {
    let page = include_str!("../../../../docs/reference/scaling.md");
    let cents = |call: &str| {
        let row = page.lines().find(|line| line.starts_with(&format!("| {call}"))).unwrap();
        let dollars = row.trim_end_matches([' ', '|']).rsplit('$').next().unwrap();
        dollars.replace('.', "").parse::<u64>().unwrap()
    };
    let rounded = |amounts: Amounts| (beyond(amounts) + 5_000) / 10_000;
    assert_eq!(rounded(million(1, 0, 0, 0, 0)), cents("gate, level `none` or `feed`"));
    assert_eq!(rounded(million(0, 1, 0, 3, 4)), cents("refresh, with its receipt"));
    assert_eq!(rounded(million(0, 1, 1, 4, 9)), cents("sign-in on a known device"));
    assert_eq!(rounded(million(0, 1, 0, 3, 9)), cents("logout"));
}

#[test]
fn the_prices_are_those_of_the_page_on_scaling() {
    let page = include_str!("../../../../docs/reference/scaling.md");
    for price in &PRICES {
        assert!(page.contains(price.source), "{}", price.source);
    }
    assert_eq!(PRICES.map(|price| price.item as usize), core::array::from_fn(|index| index));
}

#[test]
fn what_is_included_costs_nothing() {
    let at = |requests| Estimate::new(Amounts::counted(requests, 0, |_| 0), 30 * 86_400).total_micros();
    assert_eq!(at(0), 5_000_000);
    assert_eq!(at(10_000_000), 5_000_000);
    assert_eq!(at(11_000_000), 5_300_000);
    assert!(at(u64::MAX) > at(u64::MAX / 2), "saturates");
}

#[test]
fn the_first_limit_is_the_one_that_is_nearest() {
    let day = |requests: u64, writes: u64| {
        let usage = move |unit: &str| if unit == "kv_writes" { writes } else { 0 };
        Estimate::new(Amounts::counted(requests, 0, usage), 86_400)
    };
    let first = |estimate: &Estimate| estimate.first_free_limit().map(|line| line.price.item);
    assert_eq!(first(&day(0, 0)), None);
    assert_eq!(first(&day(60_000, 500)), Some(Item::Requests));
    assert_eq!(first(&day(60_000, 700)), Some(Item::KvWrites));
    let over = day(200_000, 0);
    assert_eq!(line(&over, Item::Requests).of_free_limit(), Some(2000));
    assert_eq!(line(&over, Item::Requests).reached_after(), Some(43_200), "at noon");
    assert_eq!(line(&day(100_000, 0), Item::Requests).reached_after(), None);
    let many = day(1_000_000, 0);
    assert_eq!(line(&many, Item::Requests).used_up_on(), Some(11), "10 million at a million a day");
    assert_eq!(many.first_included().map(|line| line.price.item), Some(Item::Requests));
}

#[test]
fn an_hour_is_reckoned_up_to_a_day_and_a_month() {
    let estimate = Estimate::new(Amounts::counted(1000, 0, |_| 0), 3600);
    let requests = line(&estimate, Item::Requests);
    assert_eq!((requests.a_day, requests.a_month), (24_000, 720_000));
    let young = Estimate::new(Amounts::counted(1, 0, |_| 0), 0);
    assert_eq!(line(&young, Item::Requests).a_day, 1440, "as if it had taken a minute");
}

#[test]
fn dollars_are_rounded_to_cents() {
    let texts = [0, 1, 4_999, 5_000, 14_999, 15_000, 5_000_000, 1_234_567_890_000].map(dollars);
    assert_eq!(texts, ["$0.00", "<$0.01", "<$0.01", "$0.01", "$0.01", "$0.02", "$5.00", "$1234567.89"]);
}
