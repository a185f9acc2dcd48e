// Cargo wants a target; nothing of it is ever compiled.
