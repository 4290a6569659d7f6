//! Everything that a service needs to check a presentation, without asking anybody.
