//! The issuing authority: registrar, certification authorities, service manager, operator, status and audit.
