"""What people know of their plant: zones, assets, hours; and what is assumed where nobody says."""
