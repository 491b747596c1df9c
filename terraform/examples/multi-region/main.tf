# An installation for a fleet of thousands. Its database survives the loss of a region (nam5, twice the
# price). It has more instances, some of them warm, successors in a job, and backups for 5 weeks.
#
#     make bundle
#     terraform -chdir=terraform/examples/multi-region init
#     terraform -chdir=terraform/examples/multi-region apply -var project=PROJECT -var 'agent_image=IMAGE:TAG'

variable "project" {
  description = "The id of the Google Cloud project."
  type        = string
}

variable "agent_image" {
  description = "The image that successors run in."
  type        = string
}

variable "alert_channels" {
  description = "The notification channels of every alert."
  type        = list(string)
  default     = []
}

module "tachograph" {
  source = "../.."

  project  = var.project
  location = "nam5"
  region   = "us-central1"

  max_instances = 50
  sizes = {
    roll-up-tasks = { min_instances = 2, max_instances = 200 }
  }

  backup_days     = 35
  hand_over_image = var.agent_image
  alert_channels  = var.alert_channels
}

output "dashboard" {
  value = module.tachograph.dashboard
}

output "hand_over_job" {
  value = module.tachograph.hand_over_job
}

output "next" {
  value = module.tachograph.next
}
