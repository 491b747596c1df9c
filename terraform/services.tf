# Stage 1 of 6: the APIs that everything else needs, and the two service agents of Google that act for them.

resource "google_project_service" "needed" {
  for_each = jsondecode(file("${path.module}/services.json")) # name -> what for

  project            = var.project
  service            = each.key
  disable_on_destroy = false # other software in this project may use it
}

# No depends_on here: a data source that waits for a change is unknown in that plan, and every role named
# by the project's number would be replaced. So the Resource Manager API must be on before the first apply;
# `make deploy` turns it on.
data "google_project" "this" {
  project_id = var.project
}

# Turning the API on does not create Eventarc's agent. The first trigger creates it, and fails because the
# agent has no role yet. This provider cannot create the agent (google-beta can), so gcloud does.
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

# A new role takes a minute or two to reach every server; until then a trigger fails with "Permission denied
# while using the Eventarc Service Agent". The wait happens once, when the role is granted.
resource "terraform_data" "agents_known" {
  triggers_replace = [google_project_iam_member.eventarc_agent.id]

  provisioner "local-exec" {
    command = "sleep ${var.propagation_seconds}"
  }
}
