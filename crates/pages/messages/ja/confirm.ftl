# Texts of the area `confirm`.
