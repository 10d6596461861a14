mod bread;
mod oven;
mod wheat;
mod kitchen;
