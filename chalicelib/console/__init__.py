"""Health, the API's description, and the browser pages of staff, trainees and the public."""
