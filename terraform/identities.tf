# Stage 3 of 6: one service account for each stage of the flow, with the roles that the stage needs.
#
# No account holds a basic role (owner, editor, viewer). Firestore's roles do not reach into
# collections, so every function may write every document; the condition keeps it to this database.

locals {
  entry_points = toset([for endpoint in local.endpoints : endpoint.entryPoint])
  our_database = {
    title       = "this database only"
    description = "Other databases of the project are none of Tachograph's business."
    expression  = "resource.name == \"projects/${var.project}/databases/${var.database}\""
  }
}

# Each entry point has its own identity, so the audit log tells them apart.
resource "google_service_account" "function" {
  for_each = local.entry_points

  project      = var.project
  account_id   = "${var.name}-${replace(each.key, "_", "-")}"
  display_name = "Tachograph ${each.key}"
  description  = "Runs the functions with entry point ${each.key}."

  depends_on = [google_project_service.needed]
}

# Every function reads and writes documents: ledger, shards, rollups, snapshots, signals.
resource "google_project_iam_member" "function_documents" {
  for_each = local.entry_points

  project = var.project
  role    = "roles/datastore.user"
  member  = google_service_account.function[each.key].member

  condition {
    title       = local.our_database.title
    description = local.our_database.description
    expression  = local.our_database.expression
  }
}

# Every function sends its spans. This role can write spans and can read nothing.
resource "google_project_iam_member" "function_spans" {
  for_each = local.entry_points

  project = var.project
  role    = "roles/cloudtrace.agent"
  member  = google_service_account.function[each.key].member
}

# The builder builds images from the bundle and runs nothing.
resource "google_service_account" "builder" {
  project      = var.project
  account_id   = "${var.name}-builder"
  display_name = "Tachograph builder"
  description  = "Builds the functions' images."

  depends_on = [google_project_service.needed]
}

# A build writes its log.
resource "google_project_iam_member" "builder_logs" {
  project = var.project
  role    = "roles/logging.logWriter"
  member  = google_service_account.builder.member
}

# A build pushes its image to the one repository.
resource "google_project_iam_member" "builder_images" {
  project = var.project
  role    = "roles/artifactregistry.writer"
  member  = google_service_account.builder.member

  condition {
    title       = "this repository only"
    description = "The functions' images."
    expression  = "resource.name.startsWith(\"projects/${var.project}/locations/${local.region}/repositories/${var.name}\")"
  }
}

# A build reads the source that Cloud Functions copied into a bucket of its own.
resource "google_project_iam_member" "builder_source" {
  project = var.project
  role    = "roles/storage.objectViewer"
  member  = google_service_account.builder.member

  condition {
    title       = "the functions' source only"
    description = "The bucket that Cloud Functions keeps uploaded sources in."
    expression  = "resource.name.startsWith(\"projects/_/buckets/gcf-v2-sources-${data.google_project.this.number}-${local.region}\")"
  }
}

# The trigger account receives Firestore's events from Eventarc and may invoke the functions, each by name.
resource "google_service_account" "trigger" {
  project      = var.project
  account_id   = "${var.name}-trigger"
  display_name = "Tachograph trigger"
  description  = "Delivers Firestore's events to the functions."

  depends_on = [google_project_service.needed]
}

resource "google_project_iam_member" "trigger_receives" {
  project = var.project
  role    = "roles/eventarc.eventReceiver" # can be granted on a project only
  member  = google_service_account.trigger.member
}

resource "google_cloud_run_v2_service_iam_member" "trigger_invokes" {
  for_each = local.on_event

  project  = var.project
  location = local.region
  name     = google_cloudfunctions2_function.function[each.key].name
  role     = "roles/run.invoker"
  member   = google_service_account.trigger.member
}

# The scheduler account may invoke `tick` and nothing else.
resource "google_service_account" "scheduler" {
  project      = var.project
  account_id   = "${var.name}-scheduler"
  display_name = "Tachograph scheduler"
  description  = "Calls tick each minute."

  depends_on = [google_project_service.needed]
}

resource "google_cloud_run_v2_service_iam_member" "scheduler_invokes" {
  project  = var.project
  location = local.region
  name     = google_cloudfunctions2_function.function[local.ticking].name
  role     = "roles/run.invoker"
  member   = google_service_account.scheduler.member
}

# A function with `invoker: public` checks its callers itself, so everybody may invoke it.
resource "google_cloud_run_v2_service_iam_member" "anybody_invokes" {
  for_each = toset(local.public)

  project  = var.project
  location = local.region
  name     = google_cloudfunctions2_function.function[each.key].name
  role     = "roles/run.invoker"
  member   = "allUsers"
}
