//! A map from texts, for few of them: a vector in the order of its keys.
//!
//! `BTreeMap` is compiled anew for each type of value, to five to ten kilobytes; this is a few
//! hundred bytes. A look-up is a binary search; an insertion moves what stands behind, so this is
//! for what is bounded (thousands) or made once.

use core::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{MapAccess, Visitor},
};

/// Values by their names, in the order of the names. In JSON an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextMap<V>(Vec<(String, V)>);

impl<V> Default for TextMap<V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<V> TextMap<V> {
    /// Where the key is, or where it belongs.
    fn place(&self, key: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| known.as_str().cmp(key))
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of this name.
    pub fn get(&self, key: &str) -> Option<&V> {
        self.0.get(self.place(key).ok()?).map(|(_, value)| value)
    }

    /// The value of this name, to change it.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut V> {
        let place = self.place(key).ok()?;
        self.0.get_mut(place).map(|(_, value)| value)
    }

    /// Whether there is a value of this name.
    pub fn contains_key(&self, key: &str) -> bool {
        self.place(key).is_ok()
    }

    /// Sets the value of this name.
    pub fn insert(&mut self, key: String, value: V) {
        match self.place(&key) {
            Ok(place) => {
                if let Some((_, known)) = self.0.get_mut(place) {
                    *known = value;
                }
            }
            Err(place) => self.0.insert(place, (key, value)),
        }
    }

    /// Removes the value of this name.
    pub(crate) fn remove(&mut self, key: &str) {
        if let Ok(place) = self.place(key) {
            self.0.remove(place);
        }
    }

    /// Keeps those of which `keep` says so.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&V) -> bool) {
        self.0.retain(|(_, value)| keep(value));
    }

    /// Names and values, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &V)> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    /// The same from this name on.
    pub(crate) fn iter_from(&self, key: &str) -> impl Iterator<Item = (&String, &V)> {
        let (Ok(place) | Err(place)) = self.place(key);
        self.0.iter().skip(place).map(|(key, value)| (key, value))
    }

    /// The values, in the order of the names.
    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.0.iter().map(|(_, value)| value)
    }
}

impl<V> IntoIterator for TextMap<V> {
    type Item = (String, V);
    type IntoIter = std::vec::IntoIter<(String, V)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<V> FromIterator<(String, V)> for TextMap<V> {
    fn from_iter<I: IntoIterator<Item = (String, V)>>(pairs: I) -> Self {
        let mut map = Self::default();
        for (key, value) in pairs {
            map.insert(key, value);
        }
        map
    }
}

impl<V: Serialize> Serialize for TextMap<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for TextMap<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<V>(TextMap<V>);

        impl<'de, V: Deserialize<'de>> Visitor<'de> for Entries<V> {
            type Value = TextMap<V>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(mut self, mut object: A) -> Result<TextMap<V>, A::Error> {
                while let Some((key, value)) = object.next_entry()? {
                    self.0.insert(key, value);
                }
                Ok(self.0)
            }
        }

        deserializer.deserialize_map(Entries(Self::default()))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn it_does_what_a_tree_map_does() {
        let (mut map, mut tree) = (TextMap::default(), BTreeMap::new());
        // Every key comes several times, in no order.
        for number in 0_u32..200 {
            let key = (number * 37 % 41).to_string();
            if number % 3 == 2 {
                map.remove(&key);
                tree.remove(&key);
            } else {
                map.insert(key.clone(), number);
                tree.insert(key, number);
            }
            assert!(map.iter().eq(tree.iter()));
        }
        map.retain(|value| value % 2 == 0);
        tree.retain(|_, value| *value % 2 == 0);
        if let Some(value) = map.get_mut("1") {
            *value += 1;
        }
        if let Some(value) = tree.get_mut("1") {
            *value += 1;
        }
        for number in 0..50 {
            let key = number.to_string();
            assert_eq!(map.get(&key), tree.get(&key));
            assert_eq!(map.contains_key(&key), tree.contains_key(&key));
        }
        assert_eq!((map.len(), map.is_empty()), (tree.len(), tree.is_empty()));
        assert!(map.values().eq(tree.values()));
        for from in ["", "1", "15", "2", "9"] {
            assert!(map.iter_from(from).eq(tree.range(from.to_owned()..)), "{from}");
        }
    }

    #[test]
    fn its_json_is_that_of_a_tree_map() {
        let pairs = [("b", 2), ("a", 1), ("é", 3)].map(|(key, value)| (key.to_owned(), value));
        let map: TextMap<u8> = pairs.clone().into_iter().collect();
        let text = serde_json::to_string(&BTreeMap::from(pairs)).unwrap();
        assert_eq!(serde_json::to_string(&map).unwrap(), text);
        assert_eq!(postern_jose::json::read::<TextMap<u8>>(&text), Ok(map));
        assert!(postern_jose::json::read::<TextMap<u8>>("[]").is_err());
    }
}
