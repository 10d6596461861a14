use super::wheat::Wheat;

pub struct Oven(pub Wheat);
