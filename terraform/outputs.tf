output "dashboard" {
  description = "The dashboard's address. `make deploy` uploads the dashboard."
  value       = "https://${var.project}.web.app"
}

output "next" {
  description = "The next command."
  value       = "tachograph doctor --project ${var.project}"
}

output "functions" {
  description = "Every function's name in the cloud, by its name in functions.yaml."
  value       = { for name, function in google_cloudfunctions2_function.function : name => function.name }
}

output "region" {
  description = "The functions' region."
  value       = local.region
}

output "database" {
  description = "The database's name."
  value       = google_firestore_database.fleets.name
}

output "hand_over_job" {
  description = "The name for `job` in a fleet's rotation policy; null without a hand-over job."
  value       = one([for job in google_cloud_run_v2_job.successor : "projects/${var.project}/locations/${job.location}/jobs/${job.name}"])
}

output "accounts" {
  description = "The service accounts, by stage."
  value = merge(
    { for entry_point, account in google_service_account.function : entry_point => account.email },
    { builder = google_service_account.builder.email, trigger = google_service_account.trigger.email, scheduler = google_service_account.scheduler.email },
  )
}
