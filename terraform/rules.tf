# 3 Who may write and read what: the same file that the emulator enforces.

resource "google_firebaserules_ruleset" "firestore" {
  project = var.project

  source {
    files {
      name    = "firestore.rules"
      content = file("${path.module}/../rules/firestore.rules")
    }
  }

  # A ruleset cannot be changed: the new one is released before the old one goes.
  lifecycle {
    create_before_destroy = true
  }

  depends_on = [google_firestore_database.fleets]
}

resource "google_firebaserules_release" "firestore" {
  project      = var.project
  name         = var.database == "(default)" ? "cloud.firestore" : "cloud.firestore/${var.database}"
  ruleset_name = "projects/${var.project}/rulesets/${google_firebaserules_ruleset.firestore.name}"
}
