# Texts of the area `control`.
