//! Journeys through the whole of Writ: see `tests/it`.
