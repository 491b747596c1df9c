"""`tachograph usage`: what a response, a batch's results or transcripts say, and what they cost."""
