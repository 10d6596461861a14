mod bread;
mod oven;
mod wheat;
pub use bread::Bread;
