//! The settings under which programs are checked.

use serde_json::{Value, json};

/// The project that programs are checked in: strict where it finds mistakes, quiet about types left out.
pub(super) fn project() -> Value {
    json!({
        "compilerOptions": {
            "strict": true, "noImplicitAny": false, "useUnknownInCatchVariables": false, "noEmit": true,
            "target": "es2023", "module": "esnext", "lib": ["es2023", "dom"], "types": [], "skipLibCheck": true
        },
        "files": ["program.ts"]
    })
}
