"""What goes to a SIEM: assessments and alerts as OCSF or ECS, to a file, standard output or syslog, at least once."""
