# Texts of the area `portal`.
