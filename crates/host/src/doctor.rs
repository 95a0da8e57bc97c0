//! What a doctor looks at on the machine.
