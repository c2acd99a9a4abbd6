"""What the lessons share: two small engines, exercises with their judge, and pictures."""
