# A regional installation with every default.
#
#     make bundle
#     terraform -chdir=terraform/examples/minimal init
#     terraform -chdir=terraform/examples/minimal apply -var project=PROJECT

variable "project" {
  description = "The id of the Google Cloud project."
  type        = string
}

module "tachograph" {
  source  = "../.."
  project = var.project
}

output "dashboard" {
  value = module.tachograph.dashboard
}

output "next" {
  value = module.tachograph.next
}
