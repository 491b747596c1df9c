# What stands is left as it is. Google is played by Terraform's mock, which makes up what Google would
# say; test_terraform.py reads the second plan and finds no change in it.
#
# Not among terraform/tests, since an apply runs gcloud: the test that runs this puts another one there.

mock_provider "google" {
  mock_data "google_project" {
    defaults = { number = "123456789012" }
  }
}

variables {
  project             = "offline-project"
  bundle              = "../functions/functions.yaml"
  hand_over_image     = "us-docker.pkg.dev/p/r/agent:1"
  backup_days         = 7
  propagation_seconds = 0
}

run "apply" {
  command = apply
}

run "apply_again" {
  command = plan
}
