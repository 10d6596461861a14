mod bread;
mod oven;
mod wheat;
