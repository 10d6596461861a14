//! `make bench PART=native`.

use core::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use postern_bench::domain;

fn all(criterion: &mut Criterion) {
    for mut case in domain::cases() {
        criterion.bench_function(case.name, |bencher| bencher.iter(|| case.run()));
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .sample_size(50);
    targets = all
}
criterion_main!(benches);
