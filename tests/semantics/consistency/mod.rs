//! Claims 18 to 26: one truth in all views, what is kept, and what happens
//! when the storage below misbehaves.

mod durability;
mod elements;
mod shortage;
mod views;
