"""The console's side of live sensors: enrolment, what they should run, whether they are heard."""
