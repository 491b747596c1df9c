# 1 The APIs that the rest stands on, and the two agents of Google's that act for it.

resource "google_project_service" "needed" {
  for_each = jsondecode(file("${path.module}/services.json")) # name -> what for

  project            = var.project
  service            = each.key
  disable_on_destroy = false # others in this project may use it
}

# Without depends_on: a data source that waits for a change is unknown in that plan, and what is named
# by its number would be replaced. So the Resource Manager API must be on before; `make deploy` does it.
data "google_project" "this" {
  project_id = var.project
}

# Turning the API on does not create Eventarc's agent, the first trigger does, and fails, since the
# agent has no role by then. Creating it is not in this provider (google-beta has it), hence gcloud.
resource "terraform_data" "agents" {
  for_each = toset(["eventarc.googleapis.com", "pubsub.googleapis.com"])

  triggers_replace = [var.project]

  provisioner "local-exec" {
    command = "gcloud beta services identity create --service=${each.key} --project=${var.project} --quiet"
  }

  depends_on = [google_project_service.needed]
}

# Eventarc's own agent: creates the subscription and the push that deliver an event.
resource "google_project_iam_member" "eventarc_agent" {
  project = var.project
  role    = "roles/eventarc.serviceAgent"
  member  = "serviceAccount:service-${data.google_project.this.number}@gcp-sa-eventarc.iam.gserviceaccount.com"

  depends_on = [terraform_data.agents]
}

# A role takes a minute or two until every server knows it ("Permission denied while using the
# Eventarc Service Agent"). Waited for once, when it is granted.
resource "terraform_data" "agents_known" {
  triggers_replace = [google_project_iam_member.eventarc_agent.id]

  provisioner "local-exec" {
    command = "sleep ${var.propagation_seconds}"
  }
}
