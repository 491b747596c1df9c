terraform {
  required_version = ">= 1.9" # conditions of one variable on another

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 7.45.0"
    }
  }
}
