use super::kitchen::Kitchen;

impl Kitchen {
    pub fn bake(&self) {
        self.heat_oven();
    }
}
