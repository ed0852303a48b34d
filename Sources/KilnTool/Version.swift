/// The version of Kiln that this tool was built from.
let version = "0.1.0"
