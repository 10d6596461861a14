pub struct Kitchen;
