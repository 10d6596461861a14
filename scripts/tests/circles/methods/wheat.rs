use super::kitchen::Kitchen;

impl Kitchen {
    pub fn grind(&self) {
        self.bake();
    }
}
