//! Claims 18 to 26 and 40 to 42, and 49: one truth in all views, what is kept, and what happens
//! when the storage below misbehaves.

mod durability;
mod elements;
mod mapped;
mod shortage;
mod views;
mod writers;
